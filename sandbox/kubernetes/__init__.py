"""The sandbox's OKE: real Kubernetes in containers, with emulations of Oracle's controllers.

A control plane is a container (cluster.py on the host, control_plane.py inside). It runs etcd, API server, controller manager and
scheduler, and the emulated token authenticator, load balancers and block volumes. A node is a container too (node.py, worker.py). It runs
containerd, kubelet and kube-proxy, and mounts volumes and enforces network policies.
"""
