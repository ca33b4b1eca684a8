"""What the engine and e2e tests share."""
