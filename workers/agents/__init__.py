"""What answers the texts: one module per `agent.kind`, and the contract they share."""
