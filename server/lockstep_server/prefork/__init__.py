"""Worker processes that are forked beforehand: mode `process=N`. Loaded only where a listener asks for it."""
