// Before anything is drawn, so that nothing flashes. What the reader chose is no secret and may stay.
"use strict";
{
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
