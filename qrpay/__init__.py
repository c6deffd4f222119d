"""A payment order as a code that a phone can scan, and the bank's signed word that it was paid. No database.

reference   the eleven characters that name an order in a bank remark
emv         the order as an EMVCo merchant-presented payload (tlv is its wire form)
link        the order as a signed, expiring payment link
codes       both behind one interface, with room for a bank's own
symbol      any of them drawn as a QR code (label: to print, with a caption and a mark)
webhooks    the bank's notification, believed only when its signature holds (keys: with what, schemes: how)
wechat      WeChat Pay's word, alipay Alipay's: other framings of the same verified event (events), one payment (told)
"""
