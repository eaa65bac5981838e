"""What a user can do, a file a topic, and what happens when the engine answers.

The table of contents of the program: `registry.ACTIONS` lists what menus, keys and buttons offer.
Nothing here knows widgets or models: a function looks at the session's state, and either replaces
it or submits a job.
"""
