"""Commands that look at stored runs; each file holds one."""
