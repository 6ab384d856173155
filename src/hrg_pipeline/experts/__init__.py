"""Scripted policies that solve the tasks from their observations alone; one file each."""
