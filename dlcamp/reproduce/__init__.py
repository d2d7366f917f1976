"""A finished run made again from what it recorded: its code, config, data and seeds; and compared value by value."""
