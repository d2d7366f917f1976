// The form of the explore page goes off by itself when something is picked; without scripts its button does it.
(() => {
  "use strict";
  for (const form of document.querySelectorAll("[data-pick-form]")) {
    form.classList.add("scripted");
    form.addEventListener("change", (event) => {
      // another set of experiments has other factors: grouping begins anew
      if (event.target.name === "name") for (const one of form.querySelectorAll("[name=group]")) one.disabled = true;
      // what is as it is by itself stays out of the address
      for (const one of form.querySelectorAll("select")) {
        if (!one.value || (one.name === "status" && one.value === "FINISHED")) one.disabled = true;
      }
      form.submit();
    });
  }
})();
