/**
 * Text that a terminal or a reader of lines takes for text. Control characters, what turns the direction of
 * writing, and what some take for the end of a line are written as `\u001b`, which in JSON means the same.
 */

/** All controls but line feed; marks of direction; line and paragraph separators. */
const unprintable = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/gu

/** A line feed is left as it is: who joins lines means it. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
