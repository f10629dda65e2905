const groups = [...document.querySelectorAll("details.systematic")], words = document.getElementById("words");
const boxes = [...document.querySelectorAll("#flags input")], count = document.getElementById("count");
const show = () => {
  const text = words.value.trim().toLowerCase(), wanted = boxes.filter(b => b.checked).map(b => b.value);
  let left = 0;
  for (const group of groups) {
    let any = false;
    for (const card of group.querySelectorAll(".variation")) {
      const flags = card.dataset.flags.split("|");
      const fits = (!text || card.dataset.words.toLowerCase().includes(text)) &&
        (!wanted.length || wanted.some(w => flags.includes(w)));
      card.hidden = !fits;
      any ||= fits;
      left += fits;
    }
    group.hidden = !any;
    if (any && (text || wanted.length)) group.open = true;
  }
  count.textContent = `${left} shown`;
};
words.addEventListener("input", show);
for (const box of boxes) box.addEventListener("change", show);
const reveal = () => {
  const there = location.hash && document.getElementById(location.hash.slice(1));
  if (there && there.tagName === "DETAILS") { there.open = true; there.scrollIntoView(); }
};
addEventListener("hashchange", reveal);
reveal();
show();
