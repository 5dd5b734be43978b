/** What `/gui` shows until there is a GUI. */
export const GUI_PAGE = page(
  "The web page of Skein comes with a later version. Until then, ask the command line: " +
    "<code>skeinctl inspect dataplanes</code>, or the HTTP API: <code>/_resources</code> lists what it has.",
);

/** What `/gui` shows where it is switched off. */
export const NO_GUI_PAGE = page(
  "This control plane serves no web page (<code>apiServer.gui.enabled</code>).",
);

function page(text: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Skein</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }</style>
<h1>Skein</h1>
<p>${text}</p>
</html>
`;
}
