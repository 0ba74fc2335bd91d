"""What panes show, as plain values: asked of the queries, put in order, formatted.

Nothing here imports Textual or Rich, so all of it is tested without a screen. Recorded
text stays as recorded; widgets make it safe where they draw it (`contexta_tui.text`).
"""
