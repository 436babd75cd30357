"""What moves jobs: the fair line, leases, the workers' replies, and the status message that a user sees."""
