"""What runs around a stack: review, repair after a killed run, login to the cluster, manifests."""
