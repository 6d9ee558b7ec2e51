"""Speed and memory, measured against a peer in the same run and reported as ratios; never asserted by a clock in a test."""
