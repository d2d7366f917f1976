"""Getting a data set: download or take what the user has, check it, unpack it safely, and put it in place whole."""
