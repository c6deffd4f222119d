"""The entrance for people: pages that a family opens by scanning a code or looking an institution up."""
