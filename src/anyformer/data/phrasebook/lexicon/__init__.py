"""The words of the phrasebook, in tables by part of speech."""
