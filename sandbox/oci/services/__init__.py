"""The services of the cloud, one small file each: what their resource types and functions are, as declarations."""
