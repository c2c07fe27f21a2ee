"""Mail: messages, mailboxes, attachments."""
