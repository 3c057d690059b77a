// matrix-bot-sdk requires its native encryption library on load, even by a bot that never encrypts, and that library
// fetches a binary from the network when it is installed. The bot under test does not encrypt: an empty module is enough,
// and any use of it fails loudly ("UserId is not a constructor").
module.exports = {}
