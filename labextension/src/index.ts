/** Athena's place in JupyterLab: a panel, an item in the status bar, commands. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { IStatusBar } from "@jupyterlab/statusbar";
import { LabIcon } from "@jupyterlab/ui-components";
import { Token } from "@lumino/coreutils";
import { AthenaApi } from "./api";
import { AthenaModel } from "./model";
import { AthenaPanel } from "./panel";
import { AthenaStatus } from "./status";
import { CommandIDs, PANEL_ID, PLUGIN, STATUS_PLUGIN } from "./tokens";

const IAthenaModel = new Token<AthenaModel>("athena-lab:IAthenaModel", "The state of Athena's server.");

const icon = new LabIcon({
  name: "athena-lab:icon",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24"><path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M12 2 4 5v6c0 5 3.4 9.5 8 11 4.6-1.5 8-6 8-11V5l-8-3zm0 2.1 6 2.3V11c0 3.9-2.5 7.5-6 8.9-3.500-1.400-6-5-6-8.900V6.400l6-2.300zM9 9a2 2 0 1 0 0 4 2 2 0 0 0 0-4zm6 0a2 2 0 1 0 0 4 2 2 0 0 0 0-4zm-3 4-1.200 2 1.200 1.500 1.200-1.500L12 13z"/></svg>`,
});

const panelPlugin: JupyterFrontEndPlugin<AthenaModel> = {
  id: PLUGIN,
  description: "Health, modules and providers of Athena in the left area.",
  autoStart: true,
  provides: IAthenaModel,
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (app: JupyterFrontEnd, palette: ICommandPalette | null, restorer: ILayoutRestorer | null) => {
    const model: AthenaModel = new AthenaModel(new AthenaApi(app.serviceManager.serverSettings), () => panel.isVisible);
    const panel = new AthenaPanel(model);
    panel.id = PANEL_ID;
    panel.title.icon = icon;
    panel.title.caption = "Athena";
    app.shell.add(panel, "left", { rank: 350, type: "Athena" });
    restorer?.add(panel, PANEL_ID);
    addCommands(app, model);
    for (const command of Object.values(CommandIDs)) palette?.addItem({ command, category: "Athena" });
    return model;
  },
};

const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: STATUS_PLUGIN,
  description: "Athena's state in the status bar.",
  autoStart: true,
  requires: [IAthenaModel, IStatusBar],
  activate: (app: JupyterFrontEnd, model: AthenaModel, statusBar: IStatusBar) => {
    const item = new AthenaStatus(model, () => void app.commands.execute(CommandIDs.showPanel));
    statusBar.registerStatusItem(STATUS_PLUGIN, { item, align: "left", rank: 90, isActive: () => true });
  },
};

function addCommands(app: JupyterFrontEnd, model: AthenaModel): void {
  const describedBy = { args: { type: "object", properties: {} } };
  app.commands.addCommand(CommandIDs.showPanel, {
    label: "Athena: Show Panel",
    describedBy,
    execute: () => app.shell.activateById(PANEL_ID),
  });
  app.commands.addCommand(CommandIDs.refresh, {
    label: "Athena: Refresh State",
    describedBy,
    execute: () => model.refresh(),
  });
}

export default [panelPlugin, statusPlugin];
