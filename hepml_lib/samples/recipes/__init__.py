"""Recipes: one file per sample."""
