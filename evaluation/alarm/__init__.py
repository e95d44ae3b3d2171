"""The alarm: tells when a loop that tunes a generator has begun to fool itself."""
