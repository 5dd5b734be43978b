/** A regular expression (RE2) that matches this text and no other. */
export function quotedText(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
