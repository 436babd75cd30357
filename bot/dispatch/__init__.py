"""The dispatcher of jobs: the fair queue, leases, the workers' replies, and the status message that a user sees."""
