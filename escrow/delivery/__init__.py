"""The post office: takes deliveries of alerts out of the outbox and sends them, by signed webhook and by e-mail."""
