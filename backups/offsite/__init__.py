"""Copies of backups in a bucket that speaks S3: encrypted here, sent in parts, read back, kept, and brought home."""
