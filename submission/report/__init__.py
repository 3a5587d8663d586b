"""Plots and the report page, made from run folders."""
