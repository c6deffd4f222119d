"""The service: prepaid tuition under supervision, from the scanned code to the release."""
