// Renews the access log while its box is ticked, the page is in sight and nobody reads a query in it.
const log = document.querySelector("[data-refresh]");
const choice = document.getElementById("refresh-choice");
if (log && choice) {
  choice.hidden = false;
  setInterval(async () => {
    if (!document.getElementById("refresh").checked || document.hidden || log.querySelector("details[open], :focus")) return;
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("log");
    if (fresh) log.replaceChildren(...fresh.childNodes);
  }, 1000 * Number(log.dataset.refresh));
}
