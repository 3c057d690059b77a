import fc from 'fast-check'

// A stated `maxLength` is meant: by itself fast-check stops at ten elements more than the fewest, and histories of 60 steps would have ten.
fc.configureGlobal({ ...fc.readConfigureGlobal(), defaultSizeToMaxWhenMaxSpecified: true })
