"""An emulation of Oracle Cloud: a Pulumi provider `oci` whose cloud is a folder of JSON files and a few containers (README.md)."""
