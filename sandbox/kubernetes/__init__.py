"""The sandbox's OKE: real Kubernetes in containers, and Oracle's side of it.

A control plane is a container (cluster.py on the host, control_plane.py inside): etcd, API server, controller manager, scheduler and
what Oracle runs beside them: the token authenticator, the load balancers, the block volumes. A node is a container (node.py, worker.py):
containerd, kubelet, kube-proxy, and the node's part of volumes and network policies.
"""
