"""A payment order as a code that a phone can scan, and the bank's signed word that it was paid. No database.

reference   the eleven characters that name an order in a bank remark
emv         the order as an EMVCo merchant-presented payload (tlv is its wire form)
link        the order as a signed, expiring payment link
symbol      either of them drawn as a QR code
webhooks    the bank's notification, believed only when its signature holds (keys: with what, schemes: how)
wechat      WeChat Pay's word, alipay Alipay's: other framings of the same verified event (events), one payment (told)
"""
