"""Parts that all trainings share: steps, epochs, the run folder, and the processes of a distributed training."""
