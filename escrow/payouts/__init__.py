"""Money that leaves the account: releases, refunds, closures, returned payments, instructions to the bank."""
