"""Repairs the state of a stack after `pulumi up` was killed, so that the next `up` creates nothing twice and loses nothing.

The engine records each step before it begins. After a kill, the state lists what was under way ("pending operations"). The next `up`
repeats an update or a delete. It also repeats a create, which for most resources of the cloud creates a second one. So this program asks
whether the resource exists and how to look it up. It adopts an existing resource by its id, and forgets one that does not exist.

Some creates fail after the cloud has accepted them, for example for want of capacity. Then the state has the id of a resource that is gone,
and each `up` fails on it. This program asks the cloud, and forgets the resource if it is gone.
"""
