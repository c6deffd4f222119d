"""The fee rules at work: findings become alerts that somebody owns."""
