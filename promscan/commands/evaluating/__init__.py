"""Parts of `promscan evaluate`: what is to be judged, the lists of starts, their classes, the judging, the result."""
