"""Ray: the connection to a cluster, and a run of work over it. Ray schedules, and decides nothing."""
