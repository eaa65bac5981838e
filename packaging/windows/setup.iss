; Inno Setup's recipe, not verified here: see README.md beside it.
#ifndef Version
  #error Name the version: iscc /DVersion=0.1.0
#endif
#define Root SourcePath + "\..\.."

[Setup]
AppId={{6E2B8C0B-5E2B-4D5F-9B62-8B7C5B2B1D3A}
AppName=DiffViews
AppVersion={#Version}
AppPublisher=The DiffViews developers
DefaultDirName={autopf}\DiffViews
DefaultGroupName=DiffViews
; for the user alone unless it is started as an administrator
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
ChangesAssociations=yes
ChangesEnvironment=yes
Compression=lzma2/max
SolidCompression=yes
LicenseFile={#Root}\LICENSE
OutputDir={#Root}\dist
OutputBaseFilename=diffviews-desktop-{#Version}-setup
SetupIconFile={#Root}\build\package\icons\diffviews-desktop.ico
UninstallDisplayIcon={app}\DiffViews.exe
WizardStyle=modern
#ifdef Sign
SignTool=signtool
#endif

[Tasks]
Name: path; Description: "Add &diffviews-desktop to the PATH"

[InstallDelete]
; what an older version had and this one has not
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#Root}\build\package\frozen\diffviews-desktop\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{group}\DiffViews"; Filename: "{app}\DiffViews.exe"; WorkingDir: "{app}"

[Registry]
Root: HKA; Subkey: "Software\Classes\.diffviews"; ValueType: string; ValueData: "DiffViews.Session"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\DiffViews.Session"; ValueType: string; ValueData: "DiffViews session"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\DiffViews.Session\shell\open\command"; ValueType: string; ValueData: """{app}\DiffViews.exe"" ""%1"""
Root: HKCU; Subkey: "Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path; Check: not OnPath

[Run]
Filename: "{app}\DiffViews.exe"; Description: "Start DiffViews"; Flags: nowait postinstall skipifsilent

[Code]
function OnPath: Boolean;
var
  Path: string;
begin
  Result := RegQueryStringValue(HKCU, 'Environment', 'Path', Path)
    and (Pos(';' + Uppercase(ExpandConstant('{app}')) + ';', ';' + Uppercase(Path) + ';') > 0);
end;

procedure CurUninstallStepChanged(Step: TUninstallStep);
begin
  if Step = usPostUninstall then
    MsgBox('DiffViews is removed. What you made stays in ' +
      ExpandConstant('{localappdata}\diffviews-desktop') + '.', mbInformation, MB_OK);
end;
