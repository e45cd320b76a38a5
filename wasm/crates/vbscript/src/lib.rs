//! VBScript and VBA: lexer, parser and a bounded interpreter over the objects of script-host.
