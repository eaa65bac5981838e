"""What the engine does for each job, a file a topic beside that of the jobs. For the engine alone.

A handler is a function of the job and the `Workspace`, and returns the job's result. A topic is
imported with the first of its jobs.
"""
