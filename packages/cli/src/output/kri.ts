/** The name inside a KRI, for people; anything else as it is. */
export function nameOfKri(text: string): string {
  const parts = text.split("_");
  return parts[0] === "kri" && parts.length === 7 ? (parts[5] ?? text) : text;
}

/** A sentence with names in place of the KRIs in it. */
export function withNames(sentence: string): string {
  return sentence.replaceAll(/\bkri_[^\s,;]+/g, nameOfKri);
}

/** A destination as people write it: the name, and the port or section where there is one. */
export function destinationOfKri(text: string): string {
  const parts = text.split("_");
  if (parts[0] !== "kri" || parts.length !== 7) return text;
  return parts[6] === "" ? (parts[5] ?? text) : `${parts[5]}:${parts[6]}`;
}
