"""What a search leaves in its folder."""
