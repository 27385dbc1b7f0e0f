/** A test file that is compiled with `experimentalDecorators`. */
declare module '*?legacy'
