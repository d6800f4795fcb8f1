"""Ways in for browsers: an API key, a link that holds once, a provider, a proxy."""
