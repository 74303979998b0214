"""What every training shares: steps, epochs, the run folder, and the processes of a distributed training."""
