"""Search page: one HTML document, with its style and scripts inside, that asks the server it came from."""
