"""Notices what changes in a workspace and reads what was appended.

`stat` is the truth and watchfiles a hint: a lost event costs a second, never a record.
Nothing here writes, follows a link out of the workspace, or blocks on a special file.
"""
